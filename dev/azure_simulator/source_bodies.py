"""What GET answers on a source: as far as anyone looks at it before publishing from it."""

from __future__ import annotations

from dev.azure_simulator.paths import Json
from dev.azure_simulator.sources import Source

_CREATED = "2026-11-01T00:00:00+00:00"


def body(source: Source, *, with_instance_view: bool = False) -> Json:
    """Return a source as GET shows it; `with_instance_view`: a virtual machine with its statuses."""
    envelope: Json = {"id": source.id, "name": source.name, "type": source.type, "location": source.region}
    shown = envelope | _BODIES[source.kind](source)
    if with_instance_view and source.kind == "virtualmachines":
        shown["properties"]["instanceView"] = {"statuses": _statuses(source)}
    return shown


def _image(source: Source) -> Json:
    disks = [
        {"lun": disk.lun, "diskSizeGB": disk.sizeGB, "caching": "None", "storageAccountType": "Standard_LRS"}
        for disk in source.dataDisks
    ]
    os_disk = {
        "osType": source.osType,
        "osState": source.osState,
        "diskSizeGB": source.sizeGB,
        "caching": "ReadWrite",
        "storageAccountType": "Standard_LRS",
    }
    profile = {"osDisk": os_disk, "dataDisks": disks, "zoneResilient": False}
    properties = {
        "storageProfile": profile,
        "provisioningState": "Succeeded",
        "hyperVGeneration": source.hyperVGeneration,
    }
    return {"properties": properties}


def _disk(source: Source) -> Json:
    properties: Json = {
        "diskSizeGB": source.sizeGB,
        "diskSizeBytes": source.sizeGB * 2**30,
        "creationData": {"createOption": "Empty" if source.isDataDisk else "FromImage"},
        "timeCreated": _CREATED,
        "provisioningState": "Succeeded",
        "diskState": "Unattached",
    }
    if not source.isDataDisk:
        capabilities: Json = {"architecture": source.architecture}
        if source.diskControllerTypes:
            capabilities["diskControllerTypes"] = source.diskControllerTypes
        properties |= {
            "osType": source.osType,
            "hyperVGeneration": source.hyperVGeneration,
            "supportedCapabilities": capabilities,
        }
    if source.plan:
        properties["purchasePlan"] = source.plan.model_dump()
    name = "UltraSSD_LRS" if source.obstacle == "UltraSSD" else "Standard_LRS"
    return {"sku": {"name": name, "tier": name.partition("_")[0]}, "properties": properties}


def _virtual_machine(source: Source) -> Json:
    data_type = "UltraSSD_LRS" if source.obstacle == "UltraSSD" else "Standard_LRS"
    disks: list[Json] = [
        {
            "lun": disk.lun,
            "diskSizeGB": disk.sizeGB,
            "createOption": "Empty",
            "caching": "None",
            "managedDisk": {"storageAccountType": data_type},
        }
        for disk in source.dataDisks
    ]
    profile: Json = {"osDisk": _os_disk(source), "dataDisks": disks}
    if source.diskControllerTypes:
        profile["diskControllerType"] = source.diskControllerTypes.partition(",")[0]
    size = "Standard_D2s_v5" if source.architecture == "x64" else "Standard_D2ps_v5"
    properties: Json = {
        "hardwareProfile": {"vmSize": size},
        "storageProfile": profile,
        "provisioningState": "Succeeded",
        "timeCreated": _CREATED,
    }
    if source.obstacle == "UltraSSD":
        properties["additionalCapabilities"] = {"ultraSSDEnabled": True}
    plan = {"plan": source.plan.model_dump()} if source.plan else {}
    return {"properties": properties, **plan}


def _os_disk(source: Source) -> Json:
    os_disk: Json = {
        "osType": source.osType,
        "name": f"{source.name}-os",
        "createOption": "FromImage",
        "caching": "ReadWrite",
        "diskSizeGB": source.sizeGB,
    }
    disk = source.os_disk()
    if disk is None:
        return os_disk | {"vhd": {"uri": f"https://unmanaged.blob.core.windows.net/vhds/{source.name}.vhd"}}
    os_disk["managedDisk"] = {"id": disk.id, "storageAccountType": "Premium_LRS"}
    if source.obstacle == "EphemeralOSDisk":
        os_disk["diffDiskSettings"] = {"option": "Local"}
    return os_disk


def _statuses(source: Source) -> list[Json]:
    """Return the statuses of a virtual machine that is stopped; only a generalized one tells its OS state."""
    generalized = [("OSState/generalized", "VM generalized")] if source.osState == "Generalized" else []
    statuses = [
        ("ProvisioningState/succeeded", "Provisioning succeeded"),
        *generalized,
        ("PowerState/deallocated", "VM deallocated"),
    ]
    return [{"code": code, "level": "Info", "displayStatus": text} for code, text in statuses]


def _storage_account(source: Source) -> Json:
    return {
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "provisioningState": "Succeeded",
            "primaryLocation": source.region,
            "primaryEndpoints": {"blob": source.blob_endpoint},
            "supportsHttpsTrafficOnly": True,
        },
    }


def _disk_encryption_set(source: Source) -> Json:
    purpose = "ConfidentialVmEncryptedWithCustomerKey" if source.confidential else "EncryptionAtRestWithCustomerKey"
    key = {"keyUrl": f"https://simulated.vault.azure.net/keys/{source.name}/1"}
    properties = {"encryptionType": purpose, "activeKey": key, "provisioningState": "Succeeded"}
    return {"identity": {"type": "SystemAssigned"}, "properties": properties}


_BODIES = {
    "images": _image,
    "snapshots": _disk,
    "disks": _disk,
    "virtualmachines": _virtual_machine,
    "storageaccounts": _storage_account,
    "diskencryptionsets": _disk_encryption_set,
}
