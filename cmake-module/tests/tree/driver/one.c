#include <linux/module.h>
#include "number.h"

static int __init one_init(void)
{
	return 0;
}

static void __exit one_exit(void)
{
}

module_init(one_init);
module_exit(one_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION(GREETING ", number " NUMBER);
