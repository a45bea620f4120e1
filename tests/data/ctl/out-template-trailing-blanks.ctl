<DTSControl>
<Version>1.0</Version>
<AddressType>DTS</AddressType>
<MessageType>Data</MessageType>            
<WorkflowId>DEMO_TEMPLATE</WorkflowId>
<To_DTS>X26ABC2</To_DTS>
<From_DTS>X26ABC1</From_DTS> 
<Subject>Header line here</Subject>
 <LocalId>LL000001</LocalId> 
<Compress>Y</Compress>
<AllowChunking>Y</AllowChunking>
<Encrypted>N</Encrypted>
</DTSControl>
