struct own { int first; };
