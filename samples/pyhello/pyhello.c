// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/pyalloc.h>

static int *primes;

static int __init pyhello_init(void)
{
	primes = pymem_new(int, 25, GFP_KERNEL);
	return primes ? 0 : -ENOMEM;
}
module_init(pyhello_init);

static void __exit pyhello_exit(void)
{
	pymem_del(primes);
}
module_exit(pyhello_exit);

MODULE_DESCRIPTION("The smallest client of pyalloc");
MODULE_LICENSE("GPL");
