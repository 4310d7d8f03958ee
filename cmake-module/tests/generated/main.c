#include <linux/module.h>

static int __init generated_init(void)
{
	return 0;
}

static void __exit generated_exit(void)
{
}

module_init(generated_init);
module_exit(generated_exit);
MODULE_LICENSE("GPL");
