#define ABOVE "below include"
