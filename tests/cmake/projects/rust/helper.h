#include <linux/math.h>

#define HELPER_MOST 40

int helper(int number);
