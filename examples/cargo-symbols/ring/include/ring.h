/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RING_H
#define RING_H

#define RING_SIZE 8

/* Adds a number; the oldest one goes when the ring is full. Returns how many it holds. */
int ring_push(int number);

/* The sum of the numbers that the ring holds. */
int ring_sum(void);

#endif
