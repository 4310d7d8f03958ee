// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "counter.h"

static DEFINE_MUTEX(lock);
static struct counter_state state;

static long add(const __u32 __user *arg)
{
	__u32 number;

	if (get_user(number, arg))
		return -EFAULT;
	if (number > COUNTER_MOST)
		return -ERANGE;
	mutex_lock(&lock);
	state.total += number;
	state.calls++;
	state.largest = max(state.largest, number);
	mutex_unlock(&lock);
	return 0;
}

static long tell(void __user *arg)
{
	struct counter_state now;

	mutex_lock(&lock);
	now = state;
	mutex_unlock(&lock);
	return copy_to_user(arg, &now, sizeof(now)) ? -EFAULT : 0;
}

static long reset(void)
{
	mutex_lock(&lock);
	state = (struct counter_state){ };
	mutex_unlock(&lock);
	return 0;
}

static long counter_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	switch (command) {
	case COUNTER_RESET:
		return reset();
	case COUNTER_ADD:
		return add((const __u32 __user *)arg);
	case COUNTER_STATE:
		return tell((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations counter_operations = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = counter_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice counter_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "counter",
	.fops = &counter_operations,
};

module_misc_device(counter_device);

MODULE_DESCRIPTION("A character device that adds numbers up");
MODULE_LICENSE("GPL");
