/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NUMBERS_H
#define NUMBERS_H

int foo_number(void);
int bar_number(void);

#endif
