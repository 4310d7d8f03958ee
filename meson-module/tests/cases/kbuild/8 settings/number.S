#if NUMBER != 7 || OTHER != 8 || !defined(OWN)
#error "not the flags of the project"
#endif

	.data
	.globl plain_number
plain_number:
	.long NUMBER
