// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <heartbeat-version.h>
#include <pacemaker.h>

static ssize_t heartbeat_read(struct file *file, char __user *buffer, size_t size, loff_t *at)
{
	struct heartbeat beat = {};

	if (size < sizeof(beat))
		return -EINVAL;
	pacemaker_beat(&beat);
	return copy_to_user(buffer, &beat, sizeof(beat)) ? -EFAULT : sizeof(beat);
}

static const struct file_operations heartbeat_operations = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.read = heartbeat_read,
};

static struct miscdevice heartbeat_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = HEARTBEAT_DEVICE,
	.fops = &heartbeat_operations,
};

module_misc_device(heartbeat_device);

MODULE_DESCRIPTION("A heart whose beats programs can read");
MODULE_VERSION(HEARTBEAT_VERSION);
MODULE_LICENSE("GPL");
