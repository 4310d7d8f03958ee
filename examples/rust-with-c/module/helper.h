/* SPDX-License-Identifier: GPL-2.0 */
/* What memory.rs calls; build.rs has it declared for Rust. */
#ifndef HELPER_H
#define HELPER_H

#include <linux/types.h>

#define HELPER_PERCENT_MAX 100

enum helper_state { HELPER_PLENTY, HELPER_SCARCE };

struct helper_memory {
	u64 total;
	u64 free;
	enum helper_state state;
};

int helper_read(struct helper_memory *memory);

#endif
