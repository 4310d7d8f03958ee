#define COMMON " for "
