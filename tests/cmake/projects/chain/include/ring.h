/* SPDX-License-Identifier: GPL-2.0 */
int ring_push(int value);
