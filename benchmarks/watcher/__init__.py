"""What a `Watcher` costs beyond a watch, and whether it keeps its promises."""
