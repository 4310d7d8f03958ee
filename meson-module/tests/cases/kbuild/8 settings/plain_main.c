#include <linux/kconfig.h>
#include <linux/module.h>

#if !IS_BUILTIN(CONFIG_PLAIN_FAST)
#error "not the symbols of the project"
#endif

static const int unused_number = 4;

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("has flags of its own");
