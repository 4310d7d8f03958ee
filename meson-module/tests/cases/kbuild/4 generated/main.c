// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include "table.h"

MODULE_INFO(entries, "entries " ENTRIES);
MODULE_LICENSE("GPL");
