//! Load, counters, limits, and who holds a port: procfs and sysfs.
