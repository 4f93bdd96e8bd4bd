"""The ground floor: values and bytes that cross a process or a network; no socket, file or clock."""
