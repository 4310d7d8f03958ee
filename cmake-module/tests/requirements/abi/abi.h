#define ABI 3
#if defined(__cplusplus) ? !defined(IN_CXX) || defined(IN_C) : !defined(IN_C) || defined(IN_CXX)
#error "definitions of another language"
#endif
