#include <linux/module.h>

static int __init hello_init(void)
{
	pr_info("hello\n");
	return 0;
}

module_init(hello_init);
MODULE_DESCRIPTION("Says hello");
MODULE_LICENSE("GPL");
