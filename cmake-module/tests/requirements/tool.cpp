#include "abi.h"

int main()
{
	return ABI - 3;
}
