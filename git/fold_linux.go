package git

// foldName gives what git and the file system take for one name. exact says that
// it can be told.
func foldName(path string) (key string, exact bool) { return path, true }
