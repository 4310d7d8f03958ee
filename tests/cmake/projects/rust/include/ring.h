int ring_push(int number);
