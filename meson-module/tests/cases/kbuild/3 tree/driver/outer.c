// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

MODULE_DESCRIPTION("Built for " BUILT_FOR);
MODULE_LICENSE("GPL");
