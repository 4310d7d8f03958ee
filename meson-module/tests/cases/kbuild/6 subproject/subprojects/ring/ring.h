int ring_push(int value);
