"""A small Vision Transformer (Dosovitskiy et al. 2021), as chapter 07 writes it."""

import torch
from torch import nn

from cnn_course.models import Normalize


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):  # (N, T, width)
        n, t, _ = x.shape
        parts = self.qkv(x).view(n, t, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (N, heads, T, width / heads)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (N, heads, T, T)
        y = scores.softmax(-1) @ v  # (N, heads, T, width / heads)
        return self.out(y.transpose(1, 2).flatten(2))  # (N, T, width)


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x):  # (N, T, width), twice
        x = x + self.attention(self.norm1(x))  # patches look at each other
        return x + self.mlp(self.norm2(x))  # each patch is worked on alone


class ViT(nn.Module):
    def __init__(self, side=32, patch=4, width=32, depth=2, heads=2, hidden=96):
        super().__init__()
        self.normalize = Normalize(3)
        self.patches = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.position = nn.Parameter(torch.randn((side // patch) ** 2, width))
        blocks = (Block(width, heads, hidden) for _ in range(depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):  # (N, 3, 32, 32)
        x = self.patches(self.normalize(x))  # (N, 32, 8, 8)
        x = x.flatten(2).transpose(1, 2) + self.position  # (N, 64, 32)
        x = self.norm(self.blocks(x)).mean(1)  # (N, 32)
        return self.head(x)
