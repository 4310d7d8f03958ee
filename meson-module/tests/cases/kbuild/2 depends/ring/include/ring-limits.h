#define RING_MAX 7
