<DTSControl>
 <Version>1.0</Version>
 <AddressType>DTS</AddressType>
 <MessageType>Data</MessageType>
 <From_DTS>x26abc1</From_DTS>
 <To_DTS>x26abc2</To_DTS>
</DTSControl>
