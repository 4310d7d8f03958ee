// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

MODULE_DESCRIPTION("Was there before");
MODULE_LICENSE("GPL");
