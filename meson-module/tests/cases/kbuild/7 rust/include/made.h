#define MADE_LIMIT_FROM_AFAR 17
int made_number(void);
