"""Campaigns and their leads: what is to be called, when and how fast. Dialling them is the campaign engine's part."""

from sovereign.campaigns.lead import Lead, LeadNotFoundError, NewLead
from sovereign.campaigns.lead_store import LeadStore
from sovereign.campaigns.model import Campaign, CampaignChanges, CampaignNotFoundError, CampaignSettings
from sovereign.campaigns.store import CampaignStore

__all__ = [
    "Campaign",
    "CampaignChanges",
    "CampaignNotFoundError",
    "CampaignSettings",
    "CampaignStore",
    "Lead",
    "LeadNotFoundError",
    "LeadStore",
    "NewLead",
]
