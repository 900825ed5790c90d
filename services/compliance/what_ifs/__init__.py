"""What-ifs: the whole history under another policy, in the background, on all processors; nothing is changed."""
