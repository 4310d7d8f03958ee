#include <linux/kconfig.h>
#include <linux/module.h>
#include <common.h>
#include "version.h"

#if !IS_MODULE(CONFIG_DRIVER_EXTRA) || !IS_BUILTIN(CONFIG_DRIVER_DEBUG) || IS_ENABLED(CONFIG_DRIVER_OFF)
#error "not the symbols of the project"
#endif

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION(VERSION " of " VENDOR COMMON BUILT_FOR);
