// SPDX-License-Identifier: GPL-2.0
#include "part.h"

int hello_part(void);
int hello_part(void)
{
	return sizeof(PART);
}
