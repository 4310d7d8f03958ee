#include <linux/module.h>

static int __init tree_init(void)
{
	return 0;
}

static void __exit tree_exit(void)
{
}

module_init(tree_init);
module_exit(tree_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("says nothing");
