"""Detectors without a network. They live only while training and leave JSON and ONNX behind; scikit-learn is imported nowhere else."""
