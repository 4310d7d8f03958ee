#include <linux/math.h>

int helper(int number);
