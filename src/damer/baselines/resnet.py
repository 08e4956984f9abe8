"""ResNet-18 without its last layer (He et al., CVPR 2016, table 1): the backbone of IIOF."""

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions around a shortcut, projected where the shape changes.

    Args:
        inputs: channels before.
        outputs: channels after.
        stride: of the first convolution and the projection.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, outputs, ⌈H / stride⌉, ⌈W / stride⌉] from features [B, inputs, H, W]."""
        update = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(features)))))
        return F.relu(update + self.downsample(features))


class ResNet18(nn.Module):
    """The convolutional trunk: stem and four layers, 64 to 512 channels; 11 176 512 parameters.

    The names are those of the published ImageNet weights, so that such a file fits after its `fc` is dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, stride=2), BasicBlock(128, 128))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, stride=2), BasicBlock(256, 256))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, stride=2), BasicBlock(512, 512))
        for module in self.modules():
            if isinstance(
                module, nn.Conv2d
            ):  # section 3.4 of the paper: the initialisation of He et al. 2015
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of layer 3 [B, 256, H/16, W/16] and of layer 4 [B, 512, H/32, W/32], rounded up.

        Args:
            image: [B, 3, H, W].
        """
        features = self.maxpool(F.relu(self.bn1(self.conv1(image))))
        middle = self.layer3(self.layer2(self.layer1(features)))
        return middle, self.layer4(middle)
