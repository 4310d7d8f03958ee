// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <station/abi.h>
#include <station/bus.h>
#include <station/version.h>

static long about(void __user *argument)
{
	static const struct station_about about = {
		.version = STATION_VERSION,
		.channels = STATION_CHANNELS,
	};

	return copy_to_user(argument, &about, sizeof(about)) ? -EFAULT : 0;
}

static long read_sensor(void __user *argument)
{
	struct station_reading reading;
	int error;

	if (copy_from_user(&reading, argument, sizeof(reading)))
		return -EFAULT;
	error = station_bus_read(reading.channel, &reading.value);
	if (error)
		return error;
	return copy_to_user(argument, &reading, sizeof(reading)) ? -EFAULT : 0;
}

static long station_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case STATION_ABOUT:
		return about((void __user *)argument);
	case STATION_READ:
		return read_sensor((void __user *)argument);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations station_operations = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = station_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice station_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "station",
	.fops = &station_operations,
};

module_misc_device(station_device);

MODULE_DESCRIPTION("A weather station, as a device for programs");
MODULE_VERSION(STATION_VERSION);
MODULE_LICENSE("GPL");
