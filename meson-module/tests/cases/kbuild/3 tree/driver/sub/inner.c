// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

MODULE_DESCRIPTION(TEXT);
MODULE_LICENSE("GPL");
