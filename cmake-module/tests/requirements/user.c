#include <linux/module.h>
#include "abi.h"

#if defined(ONLY_PROVIDER) || !defined(ONLY_USER) || !defined(FROM_OPTION) || !defined(IN_DEBUG)
#error "definitions are missing, or are another module's own"
#endif

int provider_number(void);

static int __init user_init(void)
{
	return provider_number() != ABI;
}

static void __exit user_exit(void)
{
}

module_init(user_init);
module_exit(user_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION(FROM_PROVIDER);
