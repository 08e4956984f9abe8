"""Methods of other papers and simple ones, each in its own file, all behind one contract."""
