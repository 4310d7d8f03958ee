#include <linux/minmax.h>
#include <most.h>
#include "helper.h"

int helper(int number)
{
	return min(number, HELPER_MOST);
}
