"""From torch to a model directory and back: the graph, half precision, int8."""
