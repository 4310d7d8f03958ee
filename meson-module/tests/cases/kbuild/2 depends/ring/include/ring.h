#include <ring-limits.h>

int ring_push(int value);
int ring_log(void);
