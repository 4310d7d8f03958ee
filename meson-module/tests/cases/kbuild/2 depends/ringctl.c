#include <ring-limits.h>

int main(void)
{
	return RING_MAX - 7;
}
