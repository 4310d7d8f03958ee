#include <linux/module.h>
#include "abi.h"

#if !defined(ONLY_PROVIDER) || defined(ONLY_USER)
#error "another module's own definitions"
#endif

int provider_number(void);

int provider_number(void)
{
	return ABI;
}
EXPORT_SYMBOL_GPL(provider_number);

static int __init provider_init(void)
{
	return 0;
}

static void __exit provider_exit(void)
{
}

module_init(provider_init);
module_exit(provider_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("exports a number");
