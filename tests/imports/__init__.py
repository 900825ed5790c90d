"""`sagecert import`: mappings, files of all kinds, and what a running system makes of them."""
