#include <own.h>
int x[OWN];
