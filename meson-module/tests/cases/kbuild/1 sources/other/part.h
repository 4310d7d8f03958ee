#define PART "below other"
