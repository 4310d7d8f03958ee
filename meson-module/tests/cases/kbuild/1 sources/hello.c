// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/stringify.h>
#include <above.h>
#include "config.h"
#include "part.h"

MODULE_INFO(argument, ARGUMENT);
#ifdef DEFINED
MODULE_INFO(defined, "DEFINED " __stringify(VALUE));
#endif
MODULE_INFO(level, "level " __stringify(LEVEL));
MODULE_INFO(above, ABOVE);
MODULE_INFO(part, PART);
MODULE_LICENSE("GPL");
