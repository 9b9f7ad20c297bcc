"""One thread: the networks of these tests are tiny, and threads would cost more than they bring."""

import torch

torch.set_num_threads(1)
